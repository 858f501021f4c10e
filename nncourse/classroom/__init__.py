"""For instructors: hand out exercises, grade what comes back, safely.

    python -m nncourse.classroom release 04_backpropagation -o dist
    python -m nncourse.classroom grade submissions -o grades

``chapters`` reads the exercises out of the book, ``own`` those of an instructor. ``submissions``
finds who handed in what, with ``files``, ``layouts`` and ``notebooks``; ``plan`` says
what is graded. ``running`` goes through the class; ``sandbox`` runs a notebook in ``worker`` and
talks to it over ``wire``, and ``grading`` checks the answers. ``roster`` and ``policy`` know the
class and the instructor's decisions; ``feedback`` and ``reports`` write everything down. The page
"For instructors" of the book shows the whole way.
"""
