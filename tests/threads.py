"""How many threads a process may use; in a module of its own, as workers import no more than it."""

from threadpoolctl import threadpool_info


def threads_in_use(prediction: object) -> int:
    """Return the threads of the library that has most; takes what a renderer takes."""
    return max(pool["num_threads"] for pool in threadpool_info())
