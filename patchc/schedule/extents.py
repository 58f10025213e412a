"""How often the calls at a site run: the same for a schedule that there is and for plans that the
search looks at, on integers or on arrays with an entry per number of stripes."""

from __future__ import annotations

from dataclasses import replace

from patchc.kernels.features import Count
from patchc.kernels.kernel import Role, Site, Slicing


def tile_count(width: Count, tile: int) -> Count:
    """Pieces along `width` columns of one stripe, of `tile` columns each; 0: all at once. A stripe
    without columns has none."""
    return -(-width // tile) if tile else (width > 0) * 1


def rounds(site: Site) -> int:
    """How many times a call runs for each piece, on a few channels each."""
    if site.slicing is Slicing.ALL:
        return 1
    sliced = site.inputs[0] if site.slicing is Slicing.INPUTS else site.output
    return -(-sliced.shape[2] // site.group)


def finish_site(site: Site) -> Site:
    """Where the sums that are added up at a site are finished: all channels, once per piece."""
    return replace(site, role=Role.FINISH, slicing=Slicing.ALL, group=0)
