//go:build bench

package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// grid prints a table. Labels, headings and cells have several lines each; cells are
// aligned right.
func grid(w io.Writer, headings [][]string, labels [][]string, cells [][][]string) {
	rows := append([][][]string{headings}, cells...)
	labels = append([][]string{nil}, labels...)
	width := make([]int, len(headings))
	left := 0
	for i, row := range rows {
		for c, cell := range row {
			for _, line := range cell {
				width[c] = max(width[c], len([]rune(line)))
			}
		}
		for _, line := range labels[i] {
			left = max(left, len([]rune(line)))
		}
	}
	for i, row := range rows {
		lines := len(labels[i])
		for _, cell := range row {
			lines = max(lines, len(cell))
		}
		for n := range lines {
			at := func(of []string) string {
				if n < len(of) {
					return of[n]
				}
				return ""
			}
			var s strings.Builder
			fmt.Fprintf(&s, "%-*s", left, at(labels[i]))
			for c, cell := range row {
				fmt.Fprintf(&s, "  %*s", width[c], at(cell))
			}
			fmt.Fprintln(w, strings.TrimRight(s.String(), " "))
		}
	}
}

// quartiles of what get returns for the runs.
func (c *cell) quartiles(get func(usage) time.Duration) (low, median, high float64) {
	var v []float64
	for _, u := range c.runs {
		v = append(v, get(u).Seconds()*1000*float64(c.of))
	}
	slices.Sort(v)
	n := len(v)
	return v[n/4], v[n/2], v[3*n/4]
}

// wall and cpu are medians in ms, memory is in MB.
func wall(c *cell) float64 {
	_, median, _ := c.quartiles(func(u usage) time.Duration { return u.wall })
	return median
}

func cpu(c *cell) float64 {
	_, median, _ := c.quartiles(func(u usage) time.Duration { return u.cpu })
	return median
}

func memory(c *cell) float64 { return float64(c.peak) / 1024 }

// number has three digits, or all before the point.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 99.95:
		return thousands(int(v + 0.5))
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// tables prints the rows once for each measured quantity.
func (b *bench) tables() {
	for _, what := range []struct {
		title string
		of    func(*cell) float64
	}{
		{"time in ms, median", wall},
		{"processor time in ms, of user and system, median", cpu},
		{"peak resident memory in MB, of one process", memory},
	} {
		b.say("\n%s; below it how many times that of linkaudit it is", what.title)
		b.table(what.of)
	}
	b.say("\n—: the tool has no command for that work")
	b.say("test-builtin and ethtool are run for ten devices at most, one at a time, and what they take is multiplied by the")
	b.say("number of devices; each of the .link files has a drop-in; of many bridges or bonds at most the first one has ports")
	b.say("%s", b.spread())
	b.say("\nwhat was run")
	for t := range toolCount {
		name := t.String()
		var seen []string
		for _, r := range b.rows {
			c, ok := r.commands[t]
			if s := c.String(); ok && !slices.Contains(seen, s) {
				seen = append(seen, s)
				b.say("%-22s  %s", name, s)
				name = ""
			}
		}
	}
}

func (b *bench) table(of func(*cell) float64) {
	var labels [][]string
	var cells [][][]string
	for _, r := range b.rows {
		labels = append(labels, []string{r.what, "  " + r.where})
		line := make([][]string, toolCount)
		for t := range toolCount {
			c := &r.cells[t]
			switch {
			case !c.able:
				line[t] = []string{"—"}
			case c.fails != "":
				line[t] = []string{"fails"}
			case t == linkaudit || r.cells[linkaudit].fails != "":
				line[t] = []string{number(of(c))}
			default:
				line[t] = []string{number(of(c)), number(of(c)/of(&r.cells[linkaudit])) + "×"}
			}
		}
		cells = append(cells, line)
	}
	grid(b.out, headings[:], labels, cells)
}

// spread says how far the times of a cell differ.
func (b *bench) spread() string {
	type one struct {
		relative float64
		name     string
	}
	var all []one
	runs := 0
	for _, r := range b.rows {
		for t := range toolCount {
			c := &r.cells[t]
			if runs += len(c.runs); len(c.runs) < 3 {
				continue
			}
			low, median, high := c.quartiles(func(u usage) time.Duration { return u.wall })
			all = append(all, one{(high - low) / median, t.String() + ", " + r.what + ", " + r.where})
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("%s, too few of each to say how far they differ", plural(runs, "timed run"))
	}
	slices.SortFunc(all, func(x, y one) int { return int(1e6 * (x.relative - y.relative)) })
	last := all[len(all)-1]
	return fmt.Sprintf("%s; the distance between the quartiles is %.0f %% of the median in the middle of the cells, and %.0f %% at most (%s)",
		plural(runs, "timed run"), 100*all[len(all)/2].relative, 100*last.relative, last.name)
}
