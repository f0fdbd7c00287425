// Package evidence indexes a user's own documents and answers with passages
// that name their source.
//
// One folder holds an index: the documents (bbolt, the only truth), an inverted
// index for BM25 (bleve) and, when an Encoder is given, a dense vector a passage.
// A search ranks the passages both ways and joins the two rankings. Whatever
// comes out carries the document's identifier, source, title, year and the
// bytes it was read from: there is no sentence without a source.
package evidence
