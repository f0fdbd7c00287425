package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"

	"consilium/fault"
)

// LibraryVariable is the environment variable that names ONNX Runtime's shared
// library. It is the same one that ONNX Runtime's other users read.
const LibraryVariable = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// maxAncestors bounds the walk towards the file system's root.
const maxAncestors = 12

// libraryPatterns are the file names under which ONNX Runtime is installed, best first.
var libraryPatterns = map[string][]string{
	"linux":   {"libonnxruntime.so.1", "libonnxruntime.so", "libonnxruntime.so.*"},
	"darwin":  {"libonnxruntime.dylib", "libonnxruntime.*.dylib"},
	"windows": {"onnxruntime.dll"},
}

// FindLibrary finds ONNX Runtime's shared library. It looks, in this order, at
// explicit (a file or a folder; "" for none), the variable named by
// LibraryVariable, the executable's folder and ../lib beside it, the folder
// .tools/onnxruntime in every ancestor of the executable and of the working
// directory, the user's data folder, and the system's library folders. It never
// downloads. A path that was named but does not exist is an error, not a reason
// to look further. Errors: ENGINE_MISSING.
func FindLibrary(explicit string) (string, error) {
	for _, named := range []struct{ path, by string }{
		{explicit, "the option"},
		{os.Getenv(LibraryVariable), LibraryVariable},
	} {
		if named.path == "" {
			continue
		}
		if found := libraryAt(named.path); found != "" {
			return found, nil
		}
		return "", fault.New(fault.EngineMissing,
			"no ONNX Runtime at "+named.path+", named by "+named.by,
			"correct the path, or leave it out to search the usual places")
	}
	for _, dir := range libraryFolders() {
		if found := libraryIn(dir); found != "" {
			return found, nil
		}
	}
	return "", fault.New(fault.EngineMissing, "ONNX Runtime's shared library was not found",
		"run `make setup`, or set "+LibraryVariable+" to its path")
}

// libraryAt accepts a file as it is, and searches a folder.
func libraryAt(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return ""
	case info.IsDir():
		return libraryIn(path)
	}
	return absolute(path)
}

func libraryIn(dir string) string {
	for _, pattern := range libraryPatterns[runtime.GOOS] {
		matches, _ := filepath.Glob(filepath.Join(dir, pattern)) // only a bad pattern is an error, and ours are good
		sort.Strings(matches)
		for i := len(matches) - 1; i >= 0; i-- { // the highest version first
			if info, err := os.Stat(matches[i]); err == nil && info.Mode().IsRegular() {
				return absolute(matches[i])
			}
		}
	}
	return ""
}

func libraryFolders() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		home := filepath.Dir(exe)
		dirs = append(dirs, home, filepath.Join(home, "..", "lib"))
		dirs = append(dirs, toolFolders(home)...)
	}
	if wd, err := os.Getwd(); err == nil {
		dirs = append(dirs, toolFolders(wd)...)
	}
	return append(append(dirs, dataFolders()...), systemFolders()...)
}

// toolFolders lists .tools/onnxruntime of dir and its ancestors: where `make setup` puts the library.
func toolFolders(dir string) []string {
	var dirs []string
	for range maxAncestors {
		dirs = append(dirs, filepath.Join(dir, ".tools", "onnxruntime"))
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return dirs
}

func dataFolders() []string {
	if data := os.Getenv("XDG_DATA_HOME"); data != "" {
		return []string{filepath.Join(data, "consilium", "onnxruntime")}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(home, ".local", "share", "consilium", "onnxruntime")}
}

func systemFolders() []string {
	if runtime.GOOS == "windows" {
		return filepath.SplitList(os.Getenv("PATH"))
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	var dirs []string
	for _, dir := range strings.Split(os.Getenv("LD_LIBRARY_PATH"), ":") {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	for _, root := range []string{"/usr/local/lib", "/usr/lib", "/lib"} {
		if triplet != "" {
			dirs = append(dirs, filepath.Join(root, triplet))
		}
		dirs = append(dirs, root)
	}
	return append(dirs, "/usr/lib64", "/lib64", "/opt/homebrew/lib")
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// silence keeps the telemetry client from starting that ONNX Runtime's published builds carry: it reads the
// command line (with the names of patients' files), keeps a database in the home folder, and overflows its
// stack on a long command line. It has to be called before the library is loaded.
func silence() { _ = os.Setenv("ORT_DISABLE_TELEMETRY", "1") }
