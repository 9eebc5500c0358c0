"""One pod of a backend like those in the field: FastAPI's Starlette, python-socketio, uvicorn. For tests alone."""

import logging

import socketio
import uvicorn
from auctioneer import Auctioneer
from documents import Documents
from leagues import Leagues
from people import People
from quirks import read_options
from rest import routes
from shapes import Shapes
from sockets import Sockets
from starlette.applications import Starlette


def main():
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    documents, shapes = Documents(options.database), Shapes(options)
    sockets = Sockets(options, documents)
    auctioneer = Auctioneer(options, documents, shapes, sockets.emit)
    leagues = Leagues(documents, shapes, sockets.emit)
    people = People(documents, shapes)
    sockets.handle(leagues, auctioneer)
    listed, failures = routes(options, documents, shapes, people, leagues, auctioneer, sockets)

    async def wake():
        if not options.has("timer_dies"):
            auctioneer.wind_all()

    application = socketio.ASGIApp(
        sockets.server,
        other_asgi_app=Starlette(routes=listed, exception_handlers=failures),
        socketio_path="/api/socket.io",
        on_startup=wake,
    )
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        # A pod that is told to stop does not wait for sockets that stay as long as they can.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
