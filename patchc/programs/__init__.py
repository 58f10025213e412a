"""The emitted C, built and run: on the host, and on cores that QEMU plays."""
