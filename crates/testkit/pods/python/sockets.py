"""The Socket.IO half (contract, section 2)."""

import socketio
from auctioneer import room_of


class Sockets:
    def __init__(self, options, documents):
        self.options, self.documents = options, documents
        # As the field has it: made of the address alone. Whether anybody listens there is not looked at.
        fleet = socketio.AsyncRedisManager(options.redis_url, options.channel) if options.redis_url else None
        self.server = socketio.AsyncServer(
            async_mode="asgi",
            client_manager=fleet,
            cors_allowed_origins="*",
            ping_interval=options.ping_interval,
            ping_timeout=options.ping_timeout,
        )

    async def emit(self, name, payload, room):
        await self.server.emit(name, payload, room=room)

    def ids(self, room):
        """Of the sockets in a room: those of the Socket.IO server and those of Engine.IO below it."""
        return list(self.server.manager.get_participants("/", room))

    def joined(self, room):
        size = 0 if self.options.has("room_size_zero") else len(self.ids(room))
        return {"ok": True, "room": room, "roomSize": size}

    async def say_raw(self, room, frames):
        sockets = self.ids(room)
        for _, engine_id in sockets:
            for frame in frames:
                await self.server.eio.send(engine_id, frame)
        return len(sockets)

    def handle(self, leagues, auctioneer):
        server, documents = self.server, self.documents

        @server.event
        async def connect(sid, environ, auth=None):
            await server.emit("connected", {"sid": sid}, to=sid)

        @server.event
        async def join_auction(sid, given):
            auction_id, user_id = given.get("auctionId"), given.get("userId")
            if not auction_id:
                return {"ok": False, "error": "auctionId required"}
            await server.enter_room(sid, room_of(auction_id))
            if auction := documents.get("auction", auction_id):
                if user_id and user_id not in auction["usersInWaitingRoom"]:
                    with documents.change():
                        auction = auctioneer.get(auction_id)
                        auction["usersInWaitingRoom"].append(user_id)
                        auctioneer.put(auction)
                await server.emit("auction_snapshot", auctioneer.snapshot_event(auction), to=sid)
                if user_id:
                    waiting = {"usersInWaitingRoom": auction["usersInWaitingRoom"]}
                    await self.emit("waiting_room_updated", waiting, room_of(auction_id))
            return self.joined(room_of(auction_id))

        @server.event
        async def leave_auction(sid, given):
            await server.leave_room(sid, room_of(given.get("auctionId")))

        @server.event
        async def join_league_room(sid, given):
            if not (league_id := given.get("leagueId")):
                return {"ok": False, "error": "leagueId required"}
            room, members = f"league:{league_id}", leagues.members(league_id)
            await server.enter_room(sid, room)
            await self.emit("sync_members", {"leagueId": league_id, "members": members}, room)
            await server.emit("room_joined", {"leagueId": league_id, "memberCount": len(members)}, to=sid)
            return self.joined(room)

        @server.event
        async def leave_league(sid, given):
            await server.leave_room(sid, f"league:{given.get('leagueId')}")

        @server.event
        async def rejoin_rooms(sid, given):
            return None
