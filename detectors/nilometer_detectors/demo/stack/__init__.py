"""Real parts on this machine: Kafka, child processes and their signals, a loopback HTTP server."""
