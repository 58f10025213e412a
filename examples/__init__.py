"""Programs that use patchc on real networks; a package so that tests can import the zoo."""
