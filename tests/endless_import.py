"""A module whose import never ends. test_child_process.py starts it."""

import threading

print("importing", flush=True)
threading.Event().wait()
