package open

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// has tells whether a folder has a file that matches a pattern.
func has(pattern string) func(string) (bool, error) {
	return func(dir string) (bool, error) {
		found := false
		err := eachName(dir, func(name string) bool {
			found, _ = filepath.Match(pattern, name)
			return !found
		})
		return found, err
	}
}

// eachName gives a folder's names in parts, so that a huge one costs little.
func eachName(dir string, more func(string) bool) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(1000)
		for _, name := range names {
			if !more(name) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// labelsHave tells whether the folder's labels.csv has a column.
func labelsHave(column string) func(string) (bool, error) {
	return func(dir string) (bool, error) {
		path := filepath.Join(dir, "labels.csv")
		if stat, err := os.Stat(path); err != nil || !stat.Mode().IsRegular() {
			return false, nil
		}
		f, err := os.Open(path)
		if err != nil {
			return false, err
		}
		defer f.Close()
		head, _ := bufio.NewReader(io.LimitReader(f, 64<<10)).ReadString('\n')
		for name := range strings.SplitSeq(strings.TrimSpace(head), ",") {
			if strings.Trim(name, `" `) == column {
				return true, nil
			}
		}
		return false, nil
	}
}
