// Package web holds the node's page: a React application (web/app) that Vite
// builds into web/dist, embedded in the program. The built files are not in
// the repository; a program that was compiled without them still serves its
// API, and a page that says what to do.
package web

import (
	"embed"
	"io/fs"
)

// dist always holds .gitkeep, so that the program compiles before the page is
// built.
//
//go:embed all:dist
var dist embed.FS

// ContentSecurityPolicy is what the page needs and no more: its own scripts,
// WebAssembly for the image decoders in their worker, pictures that the page
// draws itself. It must go out with every file, the worker's script among them:
// a worker obeys the policy of its own answer.
const ContentSecurityPolicy = "default-src 'none'; " +
	"script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; " +
	"img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Unbuilt is the page of a program that was compiled without the built files.
//
//go:embed unbuilt.html
var Unbuilt []byte

// FS gives the files of the page, index.html at the root. built is false when
// the program was compiled before `make build` had built them; files is empty
// then, and Unbuilt is what there is to show.
func FS() (files fs.FS, built bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil { // cannot be: the directive above names the folder
		return dist, false
	}
	_, err = fs.Stat(files, "index.html")
	return files, err == nil
}
