package initramfs

import (
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// initrd returns where in a file the initramfs is: all of it or, in a unified kernel image (a
// PE program, https://uapi-group.org/specifications), its section .initrd. debug/pe would
// read whatever size the file declares, so only its types are used.
func initrd(r io.ReaderAt, size int64) (at, length int64, err error) {
	section, err := peSection(r, size, ".initrd")
	switch {
	case err != nil:
		return 0, 0, err
	case section == nil:
		return 0, size, nil
	}
	length = int64(min(section.VirtualSize, section.SizeOfRawData))
	at = int64(section.PointerToRawData)
	if at+length > size {
		return 0, 0, errors.New("the section .initrd is past the end of the unified kernel image")
	}
	return at, length, nil
}

// maxSections is how many sections a unified kernel image may have.
const maxSections = 96

// peSection returns the header of a section, nil if the file is not a PE program.
func peSection(r io.ReaderAt, size int64, want string) (*pe.SectionHeader32, error) {
	var dos [64]byte
	if size < int64(len(dos)) {
		return nil, nil
	}
	if _, err := r.ReadAt(dos[:], 0); err != nil {
		return nil, err
	}
	if string(dos[:2]) != "MZ" {
		return nil, nil
	}
	headers, sections, err := peSections(r, size, int64(binary.LittleEndian.Uint32(dos[0x3c:])))
	if err != nil {
		return nil, err
	}
	for range sections {
		var s pe.SectionHeader32
		if err := binary.Read(headers, binary.LittleEndian, &s); err != nil {
			return nil, errors.New("the header of the unified kernel image is incomplete")
		}
		if strings.TrimRight(string(s.Name[:]), "\x00") == want {
			return &s, nil
		}
	}
	return nil, fmt.Errorf("a program for UEFI without a section %s", want)
}

// peSections returns the headers of the sections and their number, for a program with its PE
// header at a position.
func peSections(r io.ReaderAt, size, at int64) (headers io.Reader, n uint16, err error) {
	head := io.NewSectionReader(r, at, size)
	var magic [4]byte
	var file pe.FileHeader
	if err := errors.Join(binary.Read(head, binary.LittleEndian, &magic), binary.Read(head, binary.LittleEndian, &file)); err != nil || string(magic[:]) != "PE\x00\x00" {
		return nil, 0, errors.New("it begins like a unified kernel image, but is not valid")
	}
	if file.NumberOfSections > maxSections {
		return nil, 0, fmt.Errorf("a unified kernel image with %d sections (the limit is %d)", file.NumberOfSections, maxSections)
	}
	if _, err := head.Seek(int64(file.SizeOfOptionalHeader), io.SeekCurrent); err != nil {
		return nil, 0, err
	}
	return head, file.NumberOfSections, nil
}

// maxCommandLine is how much to read of the section .cmdline of a unified kernel image; no
// kernel accepts more (COMMAND_LINE_SIZE).
const maxCommandLine = 64 << 10

// UKICommandLine returns the kernel command line in a unified kernel image, with which
// systemd-stub(7) starts the kernel.
func UKICommandLine(r io.ReaderAt, size int64) (string, error) {
	section, err := peSection(r, size, ".cmdline")
	switch {
	case err != nil:
		return "", err
	case section == nil:
		return "", errors.New("not a unified kernel image")
	}
	text := make([]byte, min(section.VirtualSize, section.SizeOfRawData, maxCommandLine))
	if _, err := r.ReadAt(text, int64(section.PointerToRawData)); err != nil {
		return "", fmt.Errorf("cannot read the section .cmdline of the unified kernel image: %w", err)
	}
	return strings.Trim(string(text), "\x00\n "), nil
}
