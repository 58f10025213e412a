"""TunnelNet: a network of independent tunnels in PyTorch, from pictures in folders to C.

    python -m examples.tunnelnet.train PICTURES --grid 2x2 --center   # one folder per class
    python -m examples.tunnelnet.compare                              # the table of docs/tunnels.md

They need PyTorch and scikit-learn: pip install 'patchc[train]'. `design`, `digits`, `forms` and
`pictures` need neither.
"""
