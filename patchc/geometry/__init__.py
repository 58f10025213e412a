"""Rows and columns: what operators read, when rows are finished, how tall rings are."""
