"""What statistics are made of: their contract in `contract`, and the helpers that they share."""
