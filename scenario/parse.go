package scenario

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Error is a fault of a scenario file.
type Error struct {
	File      string
	Line, Col int // from 1; Col counts bytes
	Msg       string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg) }

// pos is a place in a file.
type pos struct{ line, col int }

// token is a word, a quoted text, or one of { } and the end of a statement, which is a newline or a semicolon.
type token struct {
	pos
	kind byte // w, {, }, ;
	text string
}

// stmt is a word with its arguments and, between braces, a body.
type stmt struct {
	pos
	end    int // last line of the body
	word   string
	args   []token
	body   []*stmt
	braced bool
}

const maxNesting = 100 // of braces and of calls

// golden is the line that ends a scenario's source and its golden output.
const golden = "----"

// part is a scenario of a file as text: its source, and its golden output if it has one.
type part struct {
	line   int // first line, from 1
	source string
	golden string
	has    bool // a golden output is there
}

// split cuts a file at its lines of four dashes: source, golden, source, golden.
func split(text string) []part {
	var parts []part
	var cur part
	cur.line = 1
	n, inGolden := 0, false
	for line := range strings.Lines(text) {
		n++
		switch {
		case strings.TrimRight(line, " \r\n") == golden:
			if inGolden {
				parts = append(parts, cur)
				cur = part{line: n + 1}
			} else {
				cur.has = true
			}
			inGolden = !inGolden
		case inGolden:
			cur.golden += line
		default:
			cur.source += line
		}
	}
	if inGolden || strings.TrimSpace(cur.source) != "" {
		parts = append(parts, cur)
	}
	return parts
}

// scan cuts a source into tokens.
func scan(file, src string, first int) ([]token, error) {
	if !utf8.ValidString(src) {
		return nil, &Error{file, first, 1, "this is no text: it is not UTF-8"}
	}
	var out []token
	line := first
	for l := range strings.Lines(src) {
		l = strings.TrimRight(l, "\r\n")
		for i := 0; i < len(l); {
			c, at := l[i], pos{line, i + 1}
			switch {
			case c == ' ' || c == '\t':
				i++
			case c == '#':
				i = len(l)
			case c == '{' || c == '}' || c == ';':
				out = append(out, token{pos: at, kind: c})
				i++
			case c == '"':
				n := strings.IndexByte(l[i+1:], '"')
				if n < 0 {
					return nil, &Error{file, at.line, at.col, `a quoted text has no end, want "`}
				}
				out = append(out, token{at, 'w', l[i+1 : i+1+n]})
				i += n + 2
			default:
				n := strings.IndexAny(l[i:], " \t{};\"")
				if n < 0 {
					n = len(l) - i
				}
				out = append(out, token{at, 'w', l[i : i+n]})
				i += n
			}
		}
		out = append(out, token{pos: pos{line, len(l) + 1}, kind: ';'})
		line++
	}
	return out, nil
}

type parser struct {
	file   string
	tokens []token
	at     int
}

func (p *parser) fail(at pos, format string, args ...any) error {
	return &Error{p.file, at.line, at.col, fmt.Sprintf(format, args...)}
}

// statements reads up to the brace that ends the block opened at open, or up to the end of the text for depth 0.
func (p *parser) statements(depth int, open pos) ([]*stmt, int, error) {
	var out []*stmt
	for p.at < len(p.tokens) {
		t := p.tokens[p.at]
		p.at++
		switch t.kind {
		case ';':
			continue
		case '}':
			if depth == 0 {
				return nil, 0, p.fail(t.pos, "} closes nothing, want a statement")
			}
			return out, t.line, nil
		case '{':
			return nil, 0, p.fail(t.pos, "{ stands where a word is expected")
		}
		s := &stmt{pos: t.pos, end: t.line, word: t.text}
		for p.at < len(p.tokens) && p.tokens[p.at].kind == 'w' {
			s.args = append(s.args, p.tokens[p.at])
			p.at++
		}
		if p.at < len(p.tokens) && p.tokens[p.at].kind == '{' {
			if depth >= maxNesting {
				return nil, 0, p.fail(p.tokens[p.at].pos, "braces are nested deeper than %d", maxNesting)
			}
			brace := p.tokens[p.at].pos
			p.at++
			var err error
			if s.body, s.end, err = p.statements(depth+1, brace); err != nil {
				return nil, 0, err
			}
			s.braced = true
		}
		out = append(out, s)
	}
	if depth > 0 {
		return nil, 0, p.fail(open, "{ is not closed, want } before the end of the scenario")
	}
	return out, 0, nil
}

func parse(file, src string, first int) ([]*stmt, error) {
	tokens, err := scan(file, src, first)
	if err != nil {
		return nil, err
	}
	p := parser{file: file, tokens: tokens}
	list, _, err := p.statements(0, pos{first, 1})
	return list, err
}
