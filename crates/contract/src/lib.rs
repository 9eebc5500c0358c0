//! What is said between a client and an auction backend: REST bodies, Socket.IO events, room names, refusals. No I/O.
