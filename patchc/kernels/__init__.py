"""The kernels of runtime_c as values, and what each of them needs."""
