"""What the commands run: `worker`, `delivery` and `events`, with the reading and printing they share."""
