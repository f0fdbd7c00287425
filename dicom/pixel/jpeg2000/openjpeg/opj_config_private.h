/* What CMake would write for this target: little endian, no threads. OpenJPEG
 * reads one environment variable and prints a little; here is neither, so that
 * the module imports nothing. */
#define OPJ_PACKAGE_VERSION "2.5.0"
#define OPJ_HAVE_INTTYPES_H 1
#define OPJ_HAVE_POSIX_MEMALIGN
#define _POSIX_C_SOURCE 200112L

#include <stdio.h>
#include <stdlib.h>
#define fprintf(...) ((void)0)
#define printf(...) ((void)0)
#define fputs(...) ((void)0)
#define fwrite(...) 0
#define getenv(name) NULL
