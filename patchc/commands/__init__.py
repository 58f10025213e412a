"""Commands that have a file of their own: parse, call patchc.api, print."""
