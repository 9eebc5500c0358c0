// The official JavaScript server with one room, saying bids to it as an auction does.
// Argument: {"port":…,"redisUrl":null|"redis://…"}. GET /health answers once it is ready;
// GET /go?bids=…&perSecond=… says so many bids, two events each, and answers when the last has been handed over.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";

const { port, redisUrl } = JSON.parse(process.argv[2]);
const ROOM = "auction:fan-out";
const http = createServer(answer);
const io = new Server(http, {
  path: "/api/socket.io/",
  transports: ["polling", "websocket"],
  pingInterval: 20000,
  pingTimeout: 25000,
  serveClient: false,
});
if (redisUrl) {
  const { createClient } = await import("redis");
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const publisher = createClient({ url: redisUrl });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

io.on("connection", (socket) => {
  socket.emit("connected", { sid: socket.id });
  socket.on("join_auction", async (_, ack) => {
    await socket.join(ROOM);
    ack({ ok: true, room: ROOM });
  });
});

let seq = 0;

function sayBid() {
  seq += 1;
  const bidder = { userId: "4c7c1f0e-6f0e-4a52-9d2e-0d6a6a2f8f11", displayName: "manager1" };
  const club = "club-01";
  const clientBidId = `b5b5a9f0-52cb-4f7b-8d7b-${String(seq).padStart(12, "0")}`;
  const stream = { epoch: "9a1e0f7c-1a52-4a8e-8f6b-6f5d1c2b3a40", seq: 2 * seq };
  const serverTime = new Date().toISOString();
  io.to(ROOM).emit("bid_update", {
    lotId: "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11-lot-1",
    amount: 1000000 + seq,
    bidder,
    seq,
    serverTime,
    clientBidId,
    stream,
  });
  io.to(ROOM).emit("bid_placed", {
    bid: {
      id: "0d9a8c57-93a5-4a90-b8f4-5a5f6b7c8d9e",
      auctionId: "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11",
      userId: bidder.userId,
      clubId: club,
      amount: 1000000 + seq,
      timestamp: serverTime,
      userName: bidder.displayName,
      clientBidId,
      seq,
    },
    auctionId: "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11",
    clubId: club,
    serverTime,
    stream: { ...stream, seq: 2 * seq + 1 },
  });
}

function tick() {
  const now = Date.now();
  io.to(ROOM).emit("tick", {
    lotId: "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11-lot-1",
    seq,
    endsAt: now + 3600000,
    serverNow: now,
    stream: { epoch: "9a1e0f7c-1a52-4a8e-8f6b-6f5d1c2b3a40", seq: 2 * seq, passing: true },
  });
}

async function go(bids, perSecond) {
  const ticking = setInterval(tick, 500);
  const start = performance.now();
  for (let said = 0; said < bids; said += 1) {
    const due = start + (said * 1000) / perSecond - performance.now();
    if (due > 0) await sleep(due);
    sayBid();
  }
  clearInterval(ticking);
}

async function answer(request, response) {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/go") {
    await go(Number(url.searchParams.get("bids")), Number(url.searchParams.get("perSecond")));
  }
  response.end("{}");
}

http.listen(port, "127.0.0.1", 4096);
