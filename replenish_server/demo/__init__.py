"""`replenish demo` and `replenish sim`: a private house. The only room that knows the simulator."""
