"""Files that are wrong in some way, and patchc run on them with limits."""
