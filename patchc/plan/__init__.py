"""Plan: the decisions about how a Graph is run."""
