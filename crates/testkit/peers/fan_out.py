"""python-socketio on uvicorn with one room, saying bids to it as an auction does.

Argument: {"port":…,"redisUrl":null|"redis://…"}. GET /health answers once it is ready; GET /go?bids=…&perSecond=… says so
many bids, two events each, and answers when the last has been handed over.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

import socketio
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

GIVEN = json.loads(sys.argv[1])
ROOM = "auction:fan-out"
AUCTION = "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11"
BIDDER = {"userId": "4c7c1f0e-6f0e-4a52-9d2e-0d6a6a2f8f11", "displayName": "manager1"}
EPOCH = "9a1e0f7c-1a52-4a8e-8f6b-6f5d1c2b3a40"

fleet = socketio.AsyncRedisManager(GIVEN["redisUrl"]) if GIVEN["redisUrl"] else None
server = socketio.AsyncServer(
    async_mode="asgi", client_manager=fleet, cors_allowed_origins="*", ping_interval=20, ping_timeout=25
)
said = 0


@server.event
async def connect(sid, environ, auth=None):
    await server.emit("connected", {"sid": sid}, to=sid)


@server.event
async def join_auction(sid, given):
    await server.enter_room(sid, ROOM)
    return {"ok": True, "room": ROOM}


async def say_bid():
    global said
    said += 1
    key = f"b5b5a9f0-52cb-4f7b-8d7b-{said:012}"
    server_time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    amount = 1000000 + said
    update = {
        "lotId": f"{AUCTION}-lot-1",
        "amount": amount,
        "bidder": BIDDER,
        "seq": said,
        "serverTime": server_time,
        "clientBidId": key,
        "stream": {"epoch": EPOCH, "seq": 2 * said},
    }
    await server.emit("bid_update", update, room=ROOM)
    bid = {
        "id": "0d9a8c57-93a5-4a90-b8f4-5a5f6b7c8d9e",
        "auctionId": AUCTION,
        "userId": BIDDER["userId"],
        "clubId": "club-01",
        "amount": amount,
        "timestamp": server_time,
        "userName": BIDDER["displayName"],
        "clientBidId": key,
        "seq": said,
    }
    placed = {
        "bid": bid,
        "auctionId": AUCTION,
        "clubId": "club-01",
        "serverTime": server_time,
        "stream": {"epoch": EPOCH, "seq": 2 * said + 1},
    }
    await server.emit("bid_placed", placed, room=ROOM)


async def tick():
    while True:
        await asyncio.sleep(0.5)
        now = int(time.time() * 1000)
        timer = {
            "lotId": f"{AUCTION}-lot-1",
            "seq": said,
            "endsAt": now + 3600000,
            "serverNow": now,
            "stream": {"epoch": EPOCH, "seq": 2 * said, "passing": True},
        }
        await server.emit("tick", timer, room=ROOM)


async def go(request):
    bids, rate = int(request.query_params["bids"]), float(request.query_params["perSecond"])
    ticking = asyncio.create_task(tick())
    start = time.monotonic()
    for number in range(bids):
        due = start + number / rate - time.monotonic()
        if due > 0:
            await asyncio.sleep(due)
        await say_bid()
    ticking.cancel()
    return JSONResponse({})


async def health(request):
    return JSONResponse({})


application = socketio.ASGIApp(
    server,
    other_asgi_app=Starlette(routes=[Route("/go", go), Route("/health", health)]),
    socketio_path="/api/socket.io",
)
uvicorn.run(
    application, host="127.0.0.1", port=GIVEN["port"], log_level="warning", backlog=4096, timeout_graceful_shutdown=1
)
