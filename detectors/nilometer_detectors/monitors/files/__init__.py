"""Monitor files: loaded, checked, reloaded when they change, and described by a JSON Schema."""
