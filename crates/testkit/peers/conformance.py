"""python-socketio, doing what a test asks for over the socket itself.

Argument: {"transports":[...],"pingInterval":ms,"pingTimeout":ms}. Says {"port":...} and ends with its standard input.
"""

import asyncio
import json
import os
import signal
import socket
import sys

import socketio
import uvicorn

options = json.loads(sys.argv[1])
sio = socketio.AsyncServer(
    async_mode="asgi",
    transports=options["transports"],
    ping_interval=options["pingInterval"] / 1000,
    ping_timeout=options["pingTimeout"] / 1000,
)


@sio.event
async def connect(sid, environ, auth):
    token = (auth or {}).get("token")
    if token == "refuse":
        raise socketio.exceptions.ConnectionRefusedError("not signed in")
    if token == "accept-then-disconnect":
        sio.start_background_task(sio.disconnect, sid)
        return
    sio.start_background_task(sio.emit, "connected", {"sid": sid}, to=sid)


@sio.event
async def echo(sid, payload):
    # A bare None would be an answer without arguments.
    return (payload,)


@sio.event
async def ack_none(sid, _):
    return ()


@sio.event
async def ack_many(sid, _):
    return 1, "two", {"three": 3}


@sio.event
async def slow(sid, payload):
    await asyncio.sleep(payload["ms"] / 1000)
    return payload["ms"]


held = {}


@sio.event
async def hold(sid, _):
    held[sid] = asyncio.Event()
    await held[sid].wait()
    return "released"


@sio.event
async def release(sid, _):
    held.pop(sid).set()


@sio.event
async def say(sid, payload):
    for name, *arguments in payload["events"]:
        await sio.emit(name, tuple(arguments), to=sid)
    return len(payload["events"])


@sio.event
async def raw(sid, payload):
    engine_sid = sio.manager.eio_sid_from_sid(sid, "/")
    for packet in payload["packets"]:
        await sio.eio.send(engine_sid, packet)
    return len(payload["packets"])


@sio.event
async def binary(sid, payload):
    attachments = [bytes(attachment) for attachment in payload["attachments"]]
    await sio.emit("binary", {"attachments": attachments}, to=sid)


@sio.event
async def flood(sid, payload):
    for seq in range(payload["count"]):
        await sio.emit("n", {"seq": seq}, to=sid)


@sio.event
async def large(sid, payload):
    await sio.emit("large", "x" * payload["bytes"], to=sid)


@sio.event
async def leave(sid, payload):
    if payload["how"] == "disconnect":
        await sio.disconnect(sid)
    elif payload["how"] == "close":
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))
    else:
        os.kill(os.getpid(), signal.SIGKILL)


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    app = socketio.ASGIApp(sio, socketio_path="/api/socket.io/")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws_max_size=1 << 24))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    # Not awaited to its end: a process that nobody needs any more owes nobody a farewell.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    serving.cancel()
    os._exit(0)


asyncio.run(main())
