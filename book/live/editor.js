// What the pages need of CodeMirror: an editor of Python that looks like the printed code.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const color = name => ({ color: `var(--live-${name})` });
const style = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], ...color("keyword") },
  { tag: [tags.string, tags.special(tags.string)], ...color("string") },
  { tag: [tags.number, tags.bool, tags.null], ...color("number") },
  { tag: tags.comment, ...color("comment") },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.className], ...color("name") },
]);

const markLine = StateEffect.define();
const marked = StateField.define({
  create: () => Decoration.none,
  update(lines, change) {
    lines = change.docChanged ? Decoration.none : lines;
    for (const effect of change.effects) if (effect.is(markLine)) {
      const { doc } = change.state, n = effect.value;
      lines = n >= 1 && n <= doc.lines
        ? Decoration.set([Decoration.line({ class: "live-error-line" }).range(doc.line(n).from)])
        : Decoration.none;
    }
    return lines;
  },
  provide: field => EditorView.decorations.from(field),
});

export function edit(parent, code, { label, run, leave, changed }) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        Prec.highest(keymap.of([
          { key: "Shift-Enter", run: () => (run(), true) },
          { key: "Mod-Enter", run: () => (run(), true) },
          { key: "Escape", run: () => (leave(), true) },
        ])),
        history(), drawSelection(), bracketMatching(), indentOnInput(), indentUnit.of("    "), python(),
        syntaxHighlighting(style), marked,
        keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off", autocorrect: "off" }),
        EditorView.updateListener.of(update => update.docChanged && changed(view.state.doc.toString())),
      ],
    }),
  });
  return {
    element: view.dom,
    focus: () => view.focus(),
    code: () => view.state.doc.toString(),
    set: text => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: line => view.dispatch({ effects: markLine.of(line ?? 0) }),
    destroy: () => view.destroy(),
  };
}
