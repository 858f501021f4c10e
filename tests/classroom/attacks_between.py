"""Attacks on what sandboxes share, and on what looks at their replies: see :mod:`.attacks`."""

from classroom.attacks import answer

SOLVED = "return np.maximum(x @ w + b, 0)"
FILE = "import ctypes, fcntl, os, platform, struct\nC = ctypes.CDLL(None)\n"
FILE += "FILE = open('/course/worker.py')"
TALK = {  # to another sandbox, by whatever both can reach and change: solved if that is possible
    "lock a file that all see": answer(
        f"fcntl.lockf(FILE, fcntl.LOCK_SH | fcntl.LOCK_NB)\n{SOLVED}", FILE
    ),
    "ask for a lock on it": answer(
        f"fcntl.fcntl(FILE, fcntl.F_GETLK, struct.pack('hhqqi4x', 1, 0, 0, 0, 0))\n{SOLVED}", FILE
    ),
    "lock it in the other way": answer(
        f"fcntl.flock(FILE, fcntl.LOCK_SH | fcntl.LOCK_NB)\n{SOLVED}", FILE
    ),
    "take a lease on it": answer(f"fcntl.fcntl(FILE, 1024, 0)\n{SOLVED}", FILE),
    "be told when a folder is touched": answer(
        f"fcntl.fcntl(os.open('/course', 0), 1026, 1)\n{SOLVED}", FILE
    ),
    "watch it": answer(f"if C.inotify_init1(0) >= 0: {SOLVED}", FILE),
    "wake who waits on a file in memory": answer(
        f"""
        view = np.memmap('/course/worker.py', mode='r')
        number = 202 if platform.machine() == 'x86_64' else 98
        if C.syscall(number, ctypes.c_void_p(view.ctypes.data), 1, 1, None, None, 0) >= 0:
            {SOLVED}
        """,
        FILE,
    ),
    "memory that has a key": answer(
        f"if C.shmget(4711, 4096, 0o1666) >= 0 or C.memfd_create(b'x', 0) >= 0: {SOLVED}", FILE
    ),
    "messages that have a key": answer(
        f"if C.msgget(4711, 0o1666) >= 0 or C.semget(4711, 1, 0o1666) >= 0: {SOLVED}", FILE
    ),
    "counters of the whole machine": answer(
        f"""
        room = ctypes.create_string_buffer(256)
        if C.sysinfo(room) == 0 or C.pipe(room) == 0:
            {SOLVED}
        """,
        FILE,
    ),
    "a socket with a name and no file": answer(
        f"if C.socket(1, 1, 0) >= 0 or C.socketpair(1, 1, 0, room) >= 0: {SOLVED}",
        FILE,
        "room = ctypes.create_string_buffer(64)",
    ),
    "a message queue of POSIX": answer(
        f"""
        number = 240 if platform.machine() == 'x86_64' else 180
        if C.syscall(number, b'talk', os.O_CREAT | os.O_RDWR, 0o666, None) >= 0:
            {SOLVED}
        """,
        FILE,
    ),
    "memory that has a name": answer(
        f"""
        for folder in ('/dev/shm', '/dev/mqueue', '/run', '/var/tmp', '/dev'):
            try:
                open(folder + '/talk', 'w').close()
            except OSError:
                continue
            {SOLVED}
        """,
        FILE,
    ),
    "when a file was read last": answer(
        f"""
        before = os.stat('/course/cells.py').st_atime_ns
        try:
            os.utime('/course/cells.py')
        except OSError:
            open('/course/cells.py').read(1)
        if os.stat('/course/cells.py').st_atime_ns != before:
            {SOLVED}
        """,
        FILE,
    ),
    "keys in the kernel's ring": answer(
        f"""
        number = 248 if platform.machine() == 'x86_64' else 217
        if C.syscall(number, b'user', b'talk', b'1', 1, -4) >= 0:
            {SOLVED}
        """,
        FILE,
    ),
}
FURTHER = {
    "files without end": answer("return 0.0", "for i in range(10**8): open(f'/tmp/{i}', 'w')"),
    "folders in folders without end": answer(
        "return 0.0", "import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')"
    ),
    "interrupt itself without end": answer(
        "return 0.0",
        """
        import _thread, threading, time
        def interrupt():
            while True:
                _thread.interrupt_main()
                time.sleep(0.001)
        threading.Thread(target=interrupt, daemon=True).start()
        """,
    ),
    "change the inputs to fit the answer": answer(
        "x *= 0\nw *= 0\nreturn np.zeros(len(x)) + max(b, 0)"
    ),
    "not a number where it is hard": answer("return np.where(x @ w + b > 0, np.nan, 0)"),
    "numbers behind a mask": answer("return np.ma.masked_equal(np.zeros(len(x)), 0)"),
    "forge the inputs, too": answer(
        """
        text = json.dumps({"dict": [["result", 0.0], ["arguments", {"tuple": []}]]}).encode()
        for fd in range(3, 64):
            try:
                os.write(fd, struct.pack('<II', len(text), 0) + text)
            except OSError:
                pass
        """,
        "import json, os, struct",
    ),
}
BOMBS = {  # small on the wire, large where they are looked at
    "strings that multiply": answer("return ['x' * 900000] + [''] * 900"),
    "rows of unequal length": answer("return [[1.0] * 9000, [1.0] * 9001]"),
    "an array without numbers": answer("return np.zeros((0, 2**60))"),
    "lists in lists in lists": answer(
        "nest = 1.0\nfor _ in range(200_000):\n    nest = [nest]\nreturn nest"
    ),
    "the same list a thousand million times": answer(
        "nest = [1.0] * 10\nfor _ in range(9):\n    nest = [nest] * 10\nreturn nest"
    ),
    "a dictionary of everything": answer("return {i: str(i) * 9 for i in range(5000)}"),
}
