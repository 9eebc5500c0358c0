//! Evidence in, findings out: what the measurements of a session prove about its connection.
