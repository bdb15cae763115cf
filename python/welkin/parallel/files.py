"""Files that are there as a whole or as they were before."""

import os


def write(path, text):
    """Puts text in the place of a file. What is no file, such as `/dev/stdout`, is written to."""
    given, path = path, os.path.realpath(path)
    if path.startswith(("/dev/", "/proc/")) or (os.path.exists(path) and not os.path.isfile(path)):
        with open(given, "w", encoding="utf-8") as out:
            out.write(text)
        return
    draft = f"{path}.{os.getpid()}.draft"
    try:
        with open(draft, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
    except BaseException:
        if os.path.exists(draft):
            os.unlink(draft)
        raise
