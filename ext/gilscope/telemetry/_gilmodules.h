/* What extension modules say of themselves. */
#ifndef GILSCOPE_GILMODULES_H
#define GILSCOPE_GILMODULES_H

#include "_gilstate.h"

/* Whether a loaded extension module says it can run without the GIL: 1 yes, 0 no, -1 no extension module or
 * not knowable. Modules with one-phase initialisation keep it in the module object, others in their slots; from 3.15
 * on all keep it in the module object. */
static int gs_declares_no_gil(PyObject *module)
{
#if defined(Py_GIL_DISABLED) && defined(GS_HAVE_MODULE_GIL) && PY_VERSION_HEX >= 0x030F0000
    if (!PyModule_Check(module))
        return -1;
    PyModuleObject *kept = (PyModuleObject *)module; /* modules without a definition or slots have no token */
    return kept->md_token != NULL ? !kept->md_requires_gil : -1;
#elif defined(Py_GIL_DISABLED) && defined(GS_HAVE_MODULE_GIL)
    PyModuleDef *def = PyModule_Check(module) ? PyModule_GetDef(module) : NULL;
    if (def == NULL) {
        PyErr_Clear();
        return -1;
    }
    if (def->m_slots == NULL)
        return ((PyModuleObject *)module)->md_gil == Py_MOD_GIL_NOT_USED;
    for (PyModuleDef_Slot *slot = def->m_slots; slot->slot != 0; slot++)
        if (slot->slot == Py_mod_gil)
            return slot->value == Py_MOD_GIL_NOT_USED;
    return 0;
#else
    (void)module;
    return -1;
#endif
}

static int gs_can_name_modules(void)
{
#if defined(Py_GIL_DISABLED) && defined(GS_HAVE_MODULE_GIL)
    return 1;
#else
    return 0;
#endif
}

#endif
