"""C libraries of others that the emitted C may call."""
