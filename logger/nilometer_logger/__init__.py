"""Everything about a logged inference: taking it, keeping it, decoding it, putting it into event-time windows."""
