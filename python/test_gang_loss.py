"""Gangs of two processes, one of which is killed: how long the other goes on. `test_gang_loss.py`, with jax."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from welkin.jax import gang  # noqa: E402

# What a loaded machine may take longer.
SLACK_S = 10


class Gang:
    """Two processes, of which the victim waits for a word, and the other one for the victim."""

    def __init__(self, victim, silence_s=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        named = [] if silence_s is None else [str(silence_s)]
        command = [sys.executable, str(Path(__file__).resolve()), str(port), str(victim), *named]
        env = {**os.environ, "SKYPILOT_NUM_NODES": "2", "SKYPILOT_NODE_IPS": "127.0.0.1 127.0.0.1"}
        started = [subprocess.Popen(command, env={**env, "SKYPILOT_NODE_RANK": str(rank)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                   for rank in range(2)]
        self.victim, self.other = started[victim], started[1 - victim]
        self.name, self.silence_s = f"rank {victim} lost", gang.SILENCE_S if silence_s is None else silence_s

    def together(self):
        for each in (self.victim, self.other):
            assert each.stdout.readline() == b"together\n", self.name

    def kill(self):
        self.victim.kill()
        self.killed = time.monotonic()

    def ended(self):
        code = self.other.wait(self.silence_s + SLACK_S)
        took = time.monotonic() - self.killed
        self.victim.wait()
        assert code != 0, self.name
        print(f"ok {self.name}, which may be silent for {self.silence_s} s: the other ended {took:.1f} s later with {code}", flush=True)

    def end(self):
        for each in (self.victim, self.other):
            each.kill()
            each.wait()


def main():
    gangs = usual, short, first = Gang(1), Gang(1, 5), Gang(0, 5)
    try:
        for each in gangs:
            each.together()
        short.kill()
        first.kill()
        first.ended()
        # As starved as a process can be, while another gang notices a dead one: less than half of what it may be silent.
        usual.victim.send_signal(signal.SIGSTOP)
        short.ended()
        usual.victim.send_signal(signal.SIGCONT)
        usual.victim.stdin.write(b"\n")
        usual.victim.stdin.flush()
        usual.together()
        print("ok a process that stood still for some seconds goes on", flush=True)
        usual.kill()
        usual.ended()
    finally:
        for each in gangs:
            each.end()


def process(port, victim, named):
    rank = gang.join(port, *named)
    for _ in range(2):
        gang.meet()
        print("together", flush=True)
        if rank == victim:
            sys.stdin.readline()
    gang.meet()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        process(int(sys.argv[1]), int(sys.argv[2]), [int(word) for word in sys.argv[3:]])
