"""A seccomp filter: the system calls that Python and NumPy need, and no others.

Assembled by libseccomp, which every Linux distribution ships, for the processor it runs on. There
is no call to start a process, to open a socket, to trace, to mount or to enter a namespace; new
threads are allowed. Nor is there one that two sandboxes could signal through, although they see the
same files: locks, leases, futexes outside the process's own memory, counters of the whole machine.
What is not listed answers ENOSYS.
"""

import ctypes
import errno
import struct

__all__ = ["write_filter"]

ALLOWED = """
    read readv pread64 preadv write writev pwrite64 pwritev lseek open openat close dup dup2
    dup3 poll ppoll select pselect6 stat lstat fstat newfstatat statx access faccessat
    faccessat2 readlink readlinkat getcwd getdents64 mkdir mkdirat unlink unlinkat rmdir rename
    renameat renameat2 ftruncate chdir mmap mprotect munmap mremap madvise brk
    get_robust_list set_robust_list set_tid_address rseq membarrier sched_yield
    sched_getaffinity rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack exit exit_group wait4
    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups setgroups
    setresuid setresgid prlimit64 getrlimit setrlimit getrusage arch_prctl clock_gettime
    clock_getres clock_nanosleep nanosleep gettimeofday time times uname getrandom execve
    restart_syscall
""".split()
CLONE_THREAD, CLONE_NAMESPACES = 0x00010000, 0x7E020080
FUTEX_PRIVATE = 128
DESCRIPTORS = (0, 1, 2, 3, 4, 1030)  # of fcntl: copy a descriptor, read and set its flags
EQUAL, MASKED_EQUAL = 4, 7
CONDITIONAL = (  # call, number of the argument, how it is compared, with what
    ("clone", 0, MASKED_EQUAL, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD),
    ("ioctl", 1, EQUAL, 0x5401, 0),  # is this a terminal?
    ("ioctl", 1, EQUAL, 0x5450, 0),  # should a program started from here inherit this file?
    ("ioctl", 1, EQUAL, 0x5451, 0),
    ("futex", 1, MASKED_EQUAL, FUTEX_PRIVATE, FUTEX_PRIVATE),
    *(("fcntl", 1, EQUAL, command, 0) for command in DESCRIPTORS),
)


def write_filter(path):
    """Write the filter to a file, in the form that ``bwrap --seccomp`` reads.

    Raises
    ------
    OSError
        If libseccomp is missing or refuses a rule.
    """
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    allow, refuse = ctypes.c_uint32(0x7FFF0000), ctypes.c_uint32(0x00050000 | errno.ENOSYS)
    context = ctypes.c_void_p(library.seccomp_init(refuse))
    for name, *condition in (*((name,) for name in ALLOWED), *CONDITIONAL):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # negative: this processor has no such call
            compared = struct.pack("IIQQ", *condition) if condition else None
            count = ctypes.c_uint(bool(condition))
            _checked(library.seccomp_rule_add_array(context, allow, number, count, compared))
    with open(path, "wb") as file:
        _checked(library.seccomp_export_bpf(context, file.fileno()))
    library.seccomp_release(context)


def _checked(code):
    if code != 0:
        raise OSError(-code, "libseccomp refuses a rule")
