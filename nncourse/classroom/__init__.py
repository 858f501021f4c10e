"""For instructors: hand out exercises, grade what comes back, safely.

    python -m nncourse.classroom release 04_backpropagation -o dist
    python -m nncourse.classroom grade submissions -o grades

``chapters`` reads the exercises out of the book. ``submissions`` finds who handed in what,
``sandbox`` runs it in ``worker`` and talks to it over ``wire``, ``grading`` checks the answers, and
``reports`` writes them down. The page "For instructors" of the book shows the whole way.
"""
