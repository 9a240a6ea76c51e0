"""What the other packages agree on: state, context, events, errors. No I/O, no client library."""
