"""Attacks on the grader: what hostile notebooks try. Run by the tests only inside the sandbox.

Each is a list of cells. It tries to get the point for `neuron` without solving it, to read what it
should not (a file whose name is put in for SECRET, the grader's memory, other submissions), or to
stop the class. What an attack has read it returns or raises, the only ways out that there are.
"""

import textwrap


def answer(body, *before):
    """Return cells: some of your choice, and one that defines the answer."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return [*(textwrap.dedent(cell) for cell in before), f"def neuron(x, w, b):\n{body}\n"]


READ = {
    "read another submission": answer("raise ValueError(open(SECRET).read())"),
    "read it while the cell runs": answer("raise ValueError(loot)", "loot = open(SECRET).read()"),
    "read the reference answers": answer("raise ValueError(open(ANSWERS).read()[100:])"),
    "import the reference answers": answer(
        "import nncourse.exercises.neurons as n\nreturn n.NEURON.answer(x, w, b)"
    ),
    "import them by another name": answer(
        "return sys.modules['nncourse.exercises'].all_exercises()['neuron'].answer(x, w, b)",
        "import sys, nncourse.exercises",
    ),
    "use what else is installed": answer(
        """
        sys.path += [p for p in (os.path.dirname(os.__file__) + '/site-packages',
                                 os.path.dirname(np.__file__) + '/..') if os.listdir(p)]
        import nncourse, pip, _pytest
        return np.maximum(x @ w + b, 0)
        """,
        "import os, sys",
    ),
    "look for them in the course's copy": answer(
        """
        found = [os.path.join(top, f) for top, _, files in os.walk('/course') for f in files]
        text = ''.join(open(f, errors='replace').read() for f in found if f.endswith('.py'))
        raise ValueError(text[max(0, text.find('_neuron' + '_cases') - 9):][:80])
        """,
        "import os",
    ),
    "walk all of the file system": answer(
        """
        for top, folders, files in os.walk('/'):
            folders[:] = [f for f in folders if f not in ('lib', 'lib64')]
            for f in files:
                if 'canary' in f or f == 'neurons.py':
                    raise ValueError(open(os.path.join(top, f)).read())
        """,
        "import os",
    ),
    "read through proc": answer(
        "raise ValueError(open('/proc/1/root' + SECRET).read())",
        "names = __import__('glob').glob('/proc/*/cmdline')",
    ),
    "read its own memory and environment": answer(
        "raise ValueError(open('/proc/self/environ').read())"
    ),
    "read the environment": answer("raise ValueError(os.environ['CANARY'])", "import os"),
    "open by file descriptor": answer(
        """
        loot = b''
        for fd in range(3, 64):
            try:
                loot += os.pread(fd, 300, 0)
            except OSError:
                pass
        raise ValueError(loot)
        """,
        "import os",
    ),
    "climb out with dot dot": answer("raise ValueError(open('/tmp/../..' + SECRET).read())"),
    "link to the secret": answer(
        "raise ValueError(open('/tmp/link').read())", "import os\nos.symlink(SECRET, '/tmp/link')"
    ),
    "mount it": answer(
        """
        c = ctypes.CDLL(None, use_errno=True)
        done = c.mount(os.path.dirname(SECRET).encode(), b'/tmp', None, 4096, None)
        raise ValueError(os.listdir('/tmp') + [done])
        """,
        "import ctypes, os",
    ),
    "become root": answer("os.setuid(0)\nraise ValueError(open(SECRET).read())", "import os"),
    "a new user namespace": answer(
        """
        c = ctypes.CDLL(None, use_errno=True)
        if c.unshare(0x10000000) == 0 or c.clone(0, 0, 0x10000000 | 17, 0) > 0:
            return np.maximum(x @ w + b, 0)
        """,
        "import ctypes",
    ),
    "chroot": answer("os.chroot('/tmp')\nreturn np.maximum(x @ w + b, 0)", "import os"),
    "trace the sandbox": answer(
        """
        c = ctypes.CDLL(None)
        if c.ptrace(16, 1, 0, 0) == 0:
            return np.maximum(x @ w + b, 0)
        """,
        "import ctypes",
    ),
    "peek into the frames of the grader": answer(
        """
        frame, seen = sys._getframe(), []
        while frame:
            seen += [k for k in {**frame.f_globals, **frame.f_locals}
                     if k in ('expected', 'answer', 'cases', 'NEURON', 'EXERCISES', 'verdict')]
            frame = frame.f_back
        if seen:
            return np.maximum(x @ w + b, 0)
        """,
        "import sys",
    ),
    "search memory for the exercise": answer(
        """
        found = [o for o in gc.get_objects() if type(o).__name__ == 'Exercise']
        return found[0].answer(x, w, b)
        """,
        "import gc",
    ),
}
WRITE = {
    "write beside the secret": answer("open(SECRET + '.owned', 'w').write('x')"),
    "change the secret": answer("open(SECRET, 'w').write('x')"),
    "delete the secret": answer("os.remove(SECRET)", "import os"),
    "change the course": answer(
        "return 0 * x[:, 0]", "open('/course/nncourse/activations.py', 'w').write('x')"
    ),
    "leave something for the next student": answer(
        "raise ValueError(len(left))",
        """
        left = []
        for folder in ('/tmp', '/course', '/dev', '/'):
            try:
                open(folder + '/canary', 'w').write('canary-left-by-another-student')
                left.append(folder)
            except OSError:
                pass
        """,
    ),
    "look for what another has left": answer(
        """
        for folder in ('/tmp', '/course', '/dev', '/'):
            if os.path.exists(folder + '/canary'):
                raise ValueError(open(folder + '/canary').read())
        """,
        "import os",
    ),
    "write to devices": answer("open('/dev/sda', 'wb').write(b'x' * 512)"),
}
NETWORK = {
    "connect to the machine": answer(
        "s = socket.create_connection(('127.0.0.1', PORT), 1)\nraise ValueError(s.recv(99))",
        "import socket",
    ),
    "ask a name server": answer("raise ValueError(socket.gethostbyname('localhost'))",
                                "import socket"),
    "a socket by system call": answer(
        """
        c = ctypes.CDLL(None)
        if c.socket(2, 1, 0) >= 0 or c.socket(1, 1, 0) >= 0:
            return np.maximum(x @ w + b, 0)
        """,
        "import ctypes",
    ),
}  # fmt: skip
PROCESSES = {
    "kill everything": answer("os.kill(-1, 9)", "import os"),
    "kill the parent": answer("return 0.0", "import os\nos.kill(os.getppid(), 9)"),
    "a daemon that survives": answer(
        "return 0.0",
        """
        import os
        if os.fork() == 0:
            os.setsid()
            while True:
                pass
        """,
    ),
    "start a program": answer(
        "return subprocess.run(['/bin/cat', SECRET], capture_output=True).stdout.decode()",
        "import subprocess",
    ),
    "replace the program": answer("os.execv('/bin/sh', ['sh', '-c', 'cat ' + SECRET])",
                                  "import os"),
    "a multiprocessing pool": answer(
        "return list(multiprocessing.Pool(2).map(abs, [1.0]))", "import multiprocessing"
    ),
}  # fmt: skip
DECEIVE = {
    "a number that equals everything": answer(
        "return Yes(1.0)",
        """
        class Yes(float):
            __eq__ = __ge__ = __le__ = lambda self, other: True
            __sub__ = __rsub__ = lambda self, other: 0.0
        """,
    ),
    "an array that equals everything": answer(
        "return np.zeros(len(x)).view(Yes)",
        """
        class Yes(np.ndarray):
            def __array_ufunc__(self, *a, **k):
                return np.True_
            __eq__ = lambda self, other: True
        """,
    ),
    "an object with an array inside": answer(
        "return Lazy()",
        """
        class Lazy:
            shape, dtype = (3,), np.dtype(float)
            def __array__(self, *a, **k):
                raise SystemExit
        """,
    ),
    "coarse numbers": answer("return np.zeros(len(x), np.float16)"),
    "nothing but nan": answer("return np.full(len(x), np.nan)"),
    "patch NumPy": answer(
        "return np.zeros(len(x))",
        """
        np.allclose = np.array_equal = lambda *a, **k: True
        np.abs = np.maximum = lambda *a, **k: np.float64(0)
        np.ndarray.__eq__ = None
        """,
    ),
    "patch the check": answer(
        "return None",
        """
        nn.exercises.check = lambda *a: True
        import sys, nncourse.exercises
        sys.modules['nncourse.exercises.core'] = None
        """,
    ),
    "patch the worker": answer(
        "return None",
        """
        import sys
        main = sys.modules['__main__']
        main.call = lambda *a: {'result': 'passed', 'points': 1, 'possible': 1, 'passed': True}
        """,
    ),
    "strip the asserts": answer(
        "return None", "import sys\nsys.flags = None\n__debug__ = False", "import ast"
    ),
    "an exception that calls itself solved": answer(
        "raise type('Verdict', (Exception,), {'passed': True, 'points': 1})('1 of 1 points')"
    ),
    "an exception that cannot be shown": answer(
        """
        class Bad(Exception):
            def __str__(self):
                raise Bad
        raise Bad
        """
    ),
    "count the calls and replay": answer(
        "seen.append(x)\nreturn seen[0][:, 0] * 0", "seen = []"
    ),
}  # fmt: skip
SPEAK = """
import json, os, struct
def say(header, arrays=b'', size=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = struct.pack('<II', len(header) if size is None else size, len(arrays)) + header + arrays
    for fd in range(3, 64):
        try:
            os.write(fd, data)
        except OSError:
            pass
"""
FORGE = {
    "a forged verdict": answer("say({'dict': [['points', 1], ['passed', True]]})", SPEAK),
    "a hundred forged replies": answer(
        "return 0.0", SPEAK, "for _ in range(100): say({'dict': [['result', 0.0]]})"
    ),
    "a reply of no known kind": answer("say({'pickle': 'cos\\nsystem\\n'})", SPEAK),
    "a reply that says it is huge": answer("say(b'', size=2**32 - 1)", SPEAK),
    "a deep reply": answer("say(b'[' * 900000 + b']' * 900000)", SPEAK),
    "a deep list": answer("y = []\nfor _ in range(10**5): y = [y]\nreturn y"),
    "a list that contains itself": answer("y = []\ny.append(y)\nreturn y"),
    "a long list": answer("return [0.0] * 10**7"),
    "a huge array": answer("return np.zeros(10**8)"),
    "an array of an impossible shape": answer(
        "say({'dict': [['result', {'array': ['<f8', [-1, -8]]}]]}, b'x' * 64)", SPEAK
    ),
    "an array of objects": answer(
        "say({'dict': [['result', {'array': ['|O', [1]]}]]}, b'x' * 8)", SPEAK
    ),
    "a huge integer": answer("return 10 ** 10**5"),
    "a huge integer in a forged reply": answer("say(b'1' * 10**6)", SPEAK),
    "not JSON": answer("say(b'\\xff\\xfe' * 9)", SPEAK),
    "half a reply, then silence": answer(
        "os.write(SOCKET, b'\\x08\\0')\nwhile True: pass",
        "SOCKET = [fd for fd in range(3, 64) if __import__('os').path.exists('/')][0]", SPEAK,
    ),
    "a key that is a list": answer("say({'dict': [[{'list': []}, 1]]})", SPEAK),
    "a long message": answer("raise ValueError('x' * 10**7)"),
    "markup in a message": answer("raise ValueError('<script>alert(1)</script>&<img src=x>')"),
}  # fmt: skip
EXHAUST = {
    "an endless loop": answer("while True: pass"),
    "an endless loop in a cell": answer("return 0.0", "while True: pass"),
    "an endless loop in every definition": answer(
        "return 0.0", "class A:\n    while True: pass"
    ),
    "sleep": answer("import time\ntime.sleep(10**6)"),
    "no end to recursion": answer("return neuron(x, w, b)"),
    "a recursion without limit": answer(
        "return neuron(x, w, b)", "import sys\nsys.setrecursionlimit(10**9)"
    ),
    "memory": answer("y = [bytearray(2**28) for _ in range(999)]\nreturn 0.0"),
    "memory in a cell": answer("return 0.0", "y = np.ones((99999, 99999))"),
    "fork bomb": answer("while True: os.fork()", "import os"),
    "thread bomb": answer(
        "while True: threading.Thread(target=time.sleep, args=(9**9,)).start()",
        "import threading, time",
    ),
    "fill the disk": answer(
        """
        for i in range(10**6):
            with open(f'/tmp/{i}', 'wb') as f:
                f.write(bytes(2**20))
        """
    ),
    "print without end": answer("while True: print('x' * 10**6)"),
    "open files without end": answer("y = []\nwhile True: y.append(open('/dev/null'))"),
    "crash the interpreter": answer("ctypes.string_at(0)", "import ctypes"),
    "leave": answer("os._exit(0)", "import os"),
    "leave in a cell": answer("return 0.0", "import os\nos._exit(0)"),
    "exit": answer("raise SystemExit"),
    "close the connection": answer("os.closerange(0, 64)", "import os"),
    "ignore signals": answer(
        "while True: pass", "import signal\nfor s in range(1, 32):\n  try: signal.signal(s, 1)\n"
        "  except (OSError, ValueError): pass",
    ),
    "brackets without end": [["(" * 10**5][0], "def neuron(x, w, b): return 0.0"],
    "signs without end": ["y = " + "-" * 10**6 + "1", "def neuron(x, w, b): return 0.0"],
    "a number without end": ["y = " + "9" * 10**6, "def neuron(x, w, b): return 10**10**10"],
}  # fmt: skip
ATTACKS = READ | WRITE | NETWORK | PROCESSES | DECEIVE | FORGE | EXHAUST
