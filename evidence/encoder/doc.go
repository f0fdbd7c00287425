// Package encoder turns text into vectors for dense retrieval: a question lies
// near the passages that answer it.
//
// The network is a bag of embeddings: words of a fixed vocabulary, and hashed
// character n-grams for words that are not in it (the names of diseases that
// training never saw), as in fastText (Bojanowski et al., TACL 2017). The whole
// text and its opening words are pooled apart; a linear map for each side,
// question and passage, gives the vector. It is trained by contrast within
// the batch (InfoNCE: van den Oord et al. 2018; in-batch negatives: Karpukhin
// et al., EMNLP 2020), where pairs on one subject share a batch: the hardest
// negatives of a question are the other passages on its disease.
//
// A trained Model is data: int8 tables with a card. Encoding takes tens of
// microseconds for a passage on one core and needs no native library.
package encoder
