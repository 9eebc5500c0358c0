//! The auction backend: the contract as a service, with the additions that make it honest.
