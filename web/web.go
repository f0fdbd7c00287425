// Package web holds the node's page: a React application (web/app) that Vite
// builds into web/dist, embedded in the program. The built files are not in
// the repository; a program that was compiled without them still serves its
// API, and one page that says what to do.
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

//go:embed unbuilt
var unbuilt embed.FS

// FS gives the files to serve, index.html at the root; what lies under assets/
// is named by its content and may be cached for ever. built is false when the
// program was compiled before `make build` had built the page: files then holds
// one page that says so.
//
// The page needs no more than this content security policy, which must go out
// with the files of assets/ too, because a worker obeys the policy of its own
// script:
//
//	default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:;
//	img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'
func FS() (files fs.FS, built bool) {
	if _, err := fs.Stat(dist, "dist/index.html"); err == nil {
		return sub(dist, "dist"), true
	}
	return sub(unbuilt, "unbuilt"), false
}

// sub cannot fail: the folders are named by the directives above.
func sub(files embed.FS, folder string) fs.FS {
	inner, err := fs.Sub(files, folder)
	if err != nil {
		return files
	}
	return inner
}
