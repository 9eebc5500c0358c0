//! Trace players, fault makers and a driver of the real window. Tests only.
