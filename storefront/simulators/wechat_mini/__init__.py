"""The mini-program platform's server interface: for now, logging in."""
