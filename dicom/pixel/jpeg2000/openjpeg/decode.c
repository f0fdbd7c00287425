/* The one entry of OpenJPEG's decoder as Consilium runs it: bytes in linear
 * memory in, samples in linear memory out. No file, no clock; the one import
 * asks whether the caller still waits. scripts/openjpeg.sh compiles this, with
 * OpenJPEG, to openjpeg.wasm. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openjpeg.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { OK, MALFORMED, MISFIT, SUBSAMPLED, MEMORY };

/* What decode found; decode.go reads it, field by field. */
static struct {
    uint32_t columns, rows, components, bits, is_signed;
    uint32_t samples, size; /* address and bytes of the samples */
    char message[160];
} result;

/* alive is the host's: 0 when the deadline is over. */
__attribute__((import_module("consilium"), import_name("alive"))) int alive(void);

/* The compiler puts a call of this at the start of every function, and on every
 * branch of the code that is not inner loops: no stream can keep it away for long. */
void __sanitizer_cov_trace_pc(void)
{
    static unsigned calls;
    if ((++calls & 0xfff) == 0 && !alive()) {
        __builtin_trap();
    }
}

struct input {
    const uint8_t *data;
    size_t size, at;
};

static OPJ_SIZE_T read_input(void *to, OPJ_SIZE_T n, void *user)
{
    struct input *in = user;
    size_t left = in->size - in->at;
    if (left == 0) {
        return (OPJ_SIZE_T)-1;
    }
    if (n > left) {
        n = left;
    }
    memcpy(to, in->data + in->at, n);
    in->at += n;
    return n;
}

static OPJ_OFF_T skip_input(OPJ_OFF_T n, void *user)
{
    struct input *in = user;
    if (n < 0 || (uint64_t)n > in->size - in->at) {
        in->at = in->size;
        return -1;
    }
    in->at += (size_t)n;
    return n;
}

static OPJ_BOOL seek_input(OPJ_OFF_T to, void *user)
{
    struct input *in = user;
    if (to < 0 || (uint64_t)to > in->size) {
        return OPJ_FALSE;
    }
    in->at = (size_t)to;
    return OPJ_TRUE;
}

/* Keeps the first error: those that follow are its consequences. */
static void keep_message(const char *text, void *user)
{
    (void)user;
    if (result.message[0] == 0) {
        strncpy(result.message, text, sizeof result.message - 1);
    }
}

/* take gives n bytes for the codestream. */
EXPORT("take") void *take(uint32_t n)
{
    return malloc(n);
}

EXPORT("result") void *result_address(void)
{
    return &result;
}

/* pack writes the samples side by side, width bytes each, little endian. */
static int pack(const opj_image_t *image, uint32_t width)
{
    uint32_t n = image->numcomps;
    size_t pixels = (size_t)result.columns * result.rows;
    uint8_t *to = malloc(pixels * n * width);
    if (to == NULL) {
        return MEMORY;
    }
    result.samples = (uint32_t)(uintptr_t)to;
    result.size = (uint32_t)(pixels * n * width);
    for (uint32_t c = 0; c < n; c++) {
        const OPJ_INT32 *from = image->comps[c].data;
        if (from == NULL) {
            return MALFORMED;
        }
        if (width == 1) {
            for (size_t i = 0; i < pixels; i++) {
                to[i * n + c] = (uint8_t)from[i];
            }
        } else if (width == 2) {
            for (size_t i = 0; i < pixels; i++) {
                ((uint16_t *)to)[i * n + c] = (uint16_t)from[i];
            }
        } else {
            for (size_t i = 0; i < pixels; i++) {
                ((uint32_t *)to)[i * n + c] = (uint32_t)from[i];
            }
        }
    }
    return OK;
}

/* fits says whether the header promises the picture that is expected, before
 * anything is allocated for its samples. */
static int fits(const opj_image_t *image, uint32_t columns, uint32_t rows, uint32_t components, uint32_t bits)
{
    result.columns = image->x1 - image->x0;
    result.rows = image->y1 - image->y0;
    result.components = image->numcomps;
    for (uint32_t c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (comp->prec > result.bits) {
            result.bits = comp->prec;
        }
        result.is_signed |= comp->sgnd;
        if (comp->dx != 1 || comp->dy != 1) {
            return SUBSAMPLED;
        }
    }
    if (result.columns != columns || result.rows != rows || result.components != components || result.bits > bits) {
        return MISFIT;
    }
    return OK;
}

/* decode decodes the codestream (or the JP2 file) at data. The instance is
 * thrown away afterwards, so that nothing is freed. */
EXPORT("decode") int decode(const uint8_t *data, uint32_t size, uint32_t columns, uint32_t rows, uint32_t components, uint32_t bits, uint32_t width)
{
    static const uint8_t jp2[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    struct input in = {data, size, 0};
    OPJ_CODEC_FORMAT format = size >= sizeof jp2 && memcmp(data, jp2, sizeof jp2) == 0 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K;
    opj_codec_t *codec = opj_create_decompress(format);
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
    if (codec == NULL || stream == NULL) {
        return MEMORY;
    }
    opj_set_error_handler(codec, keep_message, NULL);
    opj_stream_set_user_data(stream, &in, NULL);
    opj_stream_set_user_data_length(stream, size);
    opj_stream_set_read_function(stream, read_input);
    opj_stream_set_skip_function(stream, skip_input);
    opj_stream_set_seek_function(stream, seek_input);

    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    parameters.flags |= OPJ_DPARAMETERS_IGNORE_PCLR_CMAP_CDEF_FLAG; /* DICOM says what components are */
    opj_image_t *image = NULL;
    if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE) ||
        !opj_read_header(stream, codec, &image)) {
        return MALFORMED;
    }
    int status = fits(image, columns, rows, components, bits);
    if (status != OK) {
        return status;
    }
    if (!opj_decode(codec, stream, image)) {
        return MALFORMED;
    }
    for (uint32_t c = 0; c < image->numcomps; c++) {
        if (image->comps[c].w != columns || image->comps[c].h != rows) {
            return MALFORMED;
        }
    }
    return pack(image, width);
}
