// The official JavaScript server, doing what a test asks for over the socket itself.
// Argument: {"transports":[…],"pingInterval":ms,"pingTimeout":ms}. Says {"port":…} and ends with its standard input.
import { createServer } from "node:http";
import { Server } from "socket.io";

const { transports, pingInterval, pingTimeout } = JSON.parse(process.argv[2]);
const http = createServer();
const io = new Server(http, { path: "/api/socket.io/", transports, pingInterval, pingTimeout });

io.use((socket, next) => {
  next(socket.handshake.auth.token === "refuse" ? new Error("not signed in") : undefined);
});

io.on("connection", (socket) => {
  if (socket.handshake.auth.token === "accept-then-disconnect") {
    socket.disconnect(true);
    return;
  }
  socket.emit("connected", { sid: socket.id });
  socket.on("echo", (payload, ack) => ack(payload));
  socket.on("ack_none", (_, ack) => ack());
  socket.on("ack_many", (_, ack) => ack(1, "two", { three: 3 }));
  socket.on("slow", ({ ms }, ack) => setTimeout(() => ack(ms), ms));
  let held = () => {};
  socket.on("hold", (_, ack) => { held = ack; });
  socket.on("release", () => held("released"));
  socket.on("say", ({ events }, ack) => {
    for (const event of events) socket.emit(...event);
    ack?.(events.length);
  });
  socket.on("raw", ({ packets }, ack) => {
    for (const packet of packets) socket.conn.write(packet);
    ack?.(packets.length);
  });
  socket.on("binary", ({ attachments }) => {
    socket.emit("binary", { attachments: attachments.map((attachment) => Buffer.from(attachment)) });
  });
  socket.on("flood", ({ count }) => {
    for (let seq = 0; seq < count; seq += 1) socket.emit("n", { seq });
  });
  socket.on("large", ({ bytes }) => socket.emit("large", "x".repeat(bytes)));
  socket.on("leave", ({ how }) => {
    if (how === "disconnect") socket.disconnect();
    else if (how === "close") socket.conn.close();
    else process.kill(process.pid, "SIGKILL");
  });
});

process.stdin.on("end", () => process.exit(0)).resume();
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
