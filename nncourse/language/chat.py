"""Chat: a conversation as one sequence of tokens, in the form that a model was trained on.

ChatML puts each message between two signals, ``<|im_start|>role`` and ``<|im_end|>``, and leaves
the assistant's next message open. The model does the rest: it continues the text.
"""

__all__ = ["SYSTEM", "chat_ids"]

ROLES = ("system", "user", "assistant")
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def chat_ids(tokenizer, messages, *, system=SYSTEM):
    """Return the token ids of a conversation, up to where the assistant begins to answer.

    Signals are written by this function alone: what looks like one in a message is only text.

    Parameters
    ----------
    tokenizer : BytePairTokenizer
        With the special tokens ``<|im_start|>`` and ``<|im_end|>``.
    messages : str or sequence of dict
        A question, or messages ``{"role": "user", "content": "Hello"}``; roles are ``"system"``,
        ``"user"`` and ``"assistant"``.
    system : str
        What is said first, if the first message is none of the system.

    Raises
    ------
    ValueError
        If there is no message, or one has not these two texts or another role.

    Source: Hugging Face, chat template of SmolLM2-135M-Instruct.

    Examples
    --------
    >>> from nncourse.language.tokenizers import BytePairTokenizer
    >>> signals = ["<|im_start|>", "<|im_end|>"]
    >>> tokens = [bytes([i]) for i in range(256)] + [signal.encode() for signal in signals]
    >>> tokenizer = BytePairTokenizer(tokens, [], special=signals)
    >>> print(tokenizer.decode(chat_ids(tokenizer, "Hello!", system="Be kind.")))
    <|im_start|>system
    Be kind.<|im_end|>
    <|im_start|>user
    Hello!<|im_end|>
    <|im_start|>assistant
    <BLANKLINE>
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    messages = list(messages)
    if not messages:
        raise ValueError("a conversation needs at least one message, got none.")
    for message in messages:
        fits = isinstance(message, dict) and set(message) == {"role", "content"}
        if not fits or message["role"] not in ROLES or not isinstance(message["content"], str):
            raise ValueError(
                'each message is {"role": ..., "content": text}, the role one of '
                f"{', '.join(ROLES)}; got {message!r:.80}."
            )
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    start, end = tokenizer.special["<|im_start|>"], tokenizer.special["<|im_end|>"]
    ids, newline = [], tokenizer.encode("\n")
    for message in messages:
        text = f"{message['role']}\n{message['content']}"
        ids += [start, *tokenizer.encode(text), end, *newline]
    return [*ids, start, *tokenizer.encode("assistant\n")]
