//! gavelctl: watch, bid, bots and demo from a terminal. The proof that the core needs no window.
