package trace

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// eachSymbol goes through the functions in /proc/kallsyms. Addresses are 0 if
// kernel.kptr_restrict hides them.
func eachSymbol(kallsyms io.Reader, f func(address uint64, name string)) error {
	lines := bufio.NewScanner(kallsyms)
	for lines.Scan() {
		// ffffffff81e6e170 t name [module]
		address, rest, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		kind, rest, _ := bytes.Cut(rest, []byte(" "))
		if len(kind) != 1 || !bytes.Contains([]byte("tTwW"), kind) {
			continue
		}
		name, _, _ := bytes.Cut(rest, []byte("\t"))
		n, err := strconv.ParseUint(string(address), 16, 64)
		if err != nil {
			return fmt.Errorf("kallsyms: %w", err)
		}
		f(n, string(name))
	}
	return lines.Err()
}

// symbols turn addresses into names. They are read with the first address, and again after
// modules were loaded or unloaded.
type symbols struct {
	modules []byte
	list    []symbol // by address
}

type symbol struct {
	address uint64
	name    string
}

// farthest is how far after the start of its function an address may be: most are hundreds
// of bytes long, and none has a megabyte.
const farthest = 1 << 20

func (s *symbols) read() error {
	modules, err := os.ReadFile("/proc/modules")
	if err != nil && !os.IsNotExist(err) { // a kernel without modules
		return err
	}
	if s.list != nil && bytes.Equal(modules, s.modules) {
		return nil
	}
	file, err := os.Open("/proc/kallsyms")
	if err != nil {
		return err
	}
	defer file.Close()
	list := []symbol{}
	if err := eachSymbol(file, func(address uint64, name string) {
		if address != 0 {
			list = append(list, symbol{address, name})
		}
	}); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b symbol) int { return cmp.Compare(a.address, b.address) })
	s.modules, s.list = modules, list
	return nil
}

func (s *symbols) name(address uint64) string {
	at, found := slices.BinarySearchFunc(s.list, address, func(e symbol, a uint64) int { return cmp.Compare(e.address, a) })
	if !found {
		at--
	}
	if at < 0 || address-s.list[at].address > farthest {
		return fmt.Sprintf("0x%x", address)
	}
	return fmt.Sprintf("%s+0x%x", s.list[at].name, address-s.list[at].address)
}

// stack names addresses, starting with the traced function.
func (s *symbols) stack(addresses []uint64, function string) ([]string, error) {
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("read the names of the kernel's functions: %w", err)
	}
	names := make([]string, 0, len(addresses))
	for _, a := range addresses {
		if a != 0 {
			names = append(names, s.name(a))
		}
	}
	return fromFunction(names, function), nil
}

// fromFunction removes what comes before the function: the BPF program and the trampoline
// that calls it at the function's entry. Newer kernels, such as 7.2, have the function's
// caller right after the trampoline.
func fromFunction(names []string, function string) []string {
	for i, name := range names {
		switch {
		case strings.HasPrefix(name, function+"+"):
			return names[i:]
		case strings.HasPrefix(name, "bpf_trampoline_"):
			if rest := names[i+1:]; len(rest) == 0 || !strings.HasPrefix(rest[0], function+"+") {
				return append([]string{function + "+0x0"}, rest...)
			}
		}
	}
	return names
}
