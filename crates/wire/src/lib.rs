//! Engine.IO 4 and Socket.IO 5 as a pure codec, and a plain websocket connection over it: the instrument.
